interface LogoProps {
  readonly size: number;
}

/** The logo, as in `icon.svg` for the browser's tab. */
export function Logo({ size }: LogoProps) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden>
      <rect width="32" height="32" rx="8" fill="#5b5bd6" />
      <path
        d="M9 8.5v15h6.5M22.5 8.5v15M15.5 16h7"
        fill="none"
        stroke="#fff"
        strokeWidth="3.2"
        strokeLinecap="round"
        strokeLinejoin="round"
      />
    </svg>
  );
}
