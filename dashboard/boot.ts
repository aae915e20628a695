// Runs before the page is drawn, so that nobody who chose dark is shown white first.
{
  let scheme: string | null = null;
  try {
    scheme = localStorage.getItem('longhaul-color-scheme');
  } catch {
    // A browser that keeps nothing: the system's choice it is.
  }
  const isDark = scheme === 'dark' || (scheme !== 'light' && matchMedia('(prefers-color-scheme: dark)').matches);
  document.documentElement.setAttribute('data-mantine-color-scheme', isDark ? 'dark' : 'light');
}
