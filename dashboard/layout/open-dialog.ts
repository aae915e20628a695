export const OPEN_PALETTE = 'longhaul:palette';
export const OPEN_SHORTCUT_SHEET = 'longhaul:shortcuts';

export function openPalette(): void {
  dispatchEvent(new Event(OPEN_PALETTE));
}

export function openShortcutSheet(): void {
  dispatchEvent(new Event(OPEN_SHORTCUT_SHEET));
}
