// Runs before the first paint, so that a dark page does not flash white.
{
  let scheme: string | null = null;
  try {
    scheme = localStorage.getItem('longhaul-color-scheme');
  } catch {
    // The browser has no storage: use the system's colour scheme.
  }
  const isDark = scheme === 'dark' || (scheme !== 'light' && matchMedia('(prefers-color-scheme: dark)').matches);
  document.documentElement.setAttribute('data-mantine-color-scheme', isDark ? 'dark' : 'light');
}
