import { Component, type ReactNode } from 'react';

interface ErrorBoundaryProps {
  /** Shown when the children could not be drawn. */
  readonly fallback: ReactNode;
  readonly children: ReactNode;
}

/** Contains an error while drawing, so that the rest of the page stays. */
export class ErrorBoundary extends Component<ErrorBoundaryProps, { hasFailed: boolean }> {
  override state = { hasFailed: false };

  static getDerivedStateFromError(): { hasFailed: boolean } {
    return { hasFailed: true };
  }

  override render(): ReactNode {
    return this.state.hasFailed ? this.props.fallback : this.props.children;
  }
}
