import { useEffect } from 'react';

let title = 'Longhaul';
let waiting = 0;

function show(): void {
  const name = title === 'Longhaul' ? title : `${title} · Longhaul`;
  document.title = waiting > 0 ? `(${waiting}) ${name}` : name;
}

/** Sets the title of the browser's tab. */
export function usePageTitle(name: string): void {
  useEffect(() => {
    title = name;
    show();
  }, [name]);
}

/** Shows the number of pending approvals in the browser's tab, on every page. */
export function useTitleBadge(count: number): void {
  useEffect(() => {
    waiting = count;
    show();
    return () => {
      waiting = 0;
      show();
    };
  }, [count]);
}
