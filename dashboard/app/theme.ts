import { createTheme, type CSSVariablesResolver, type MantineColorsTuple } from '@mantine/core';

/** From light to dark. Colour 6 is for surfaces with white text: contrast 5.1 to 1. */
const iris: MantineColorsTuple = [
  '#f2f2ff',
  '#e6e7ff',
  '#dadcff',
  '#cbcdff',
  '#b8baf8',
  '#7c7ce8',
  '#5b5bd6',
  '#5151cd',
  '#4a48b8',
  '#34337f',
];

const gray: MantineColorsTuple = [
  '#fafafa',
  '#f4f4f5',
  '#ebebed',
  '#dfdfe3',
  '#c9c9ce',
  '#a5a6ad',
  '#85868d',
  '#5f6067',
  '#3c3d43',
  '#1c1c20',
];

/** From text to background, in the order of Mantine. */
const dark: MantineColorsTuple = [
  '#ededef',
  '#d0d1d5',
  '#a3a5ad',
  '#5d5f68',
  '#2a2c31',
  '#212327',
  '#17181b',
  '#101113',
  '#0b0c0e',
  '#070708',
];

export const theme = createTheme({
  primaryColor: 'iris',
  primaryShade: { light: 6, dark: 6 },
  colors: { iris, gray, dark },
  fontFamily: "'Inter Variable', system-ui, -apple-system, 'Segoe UI', sans-serif",
  fontFamilyMonospace: "'JetBrains Mono Variable', ui-monospace, SFMono-Regular, Menlo, Consolas, monospace",
  fontSizes: { xs: '0.75rem', sm: '0.8125rem', md: '0.875rem', lg: '1rem', xl: '1.125rem' },
  lineHeights: { xs: '1.4', sm: '1.45', md: '1.5', lg: '1.5', xl: '1.5' },
  headings: {
    fontWeight: '600',
    sizes: {
      h1: { fontSize: '1.125rem', lineHeight: '1.4' },
      h2: { fontSize: '0.9375rem', lineHeight: '1.4' },
      h3: { fontSize: '0.8125rem', lineHeight: '1.4' },
    },
  },
  defaultRadius: 'sm',
  radius: { xs: '4px', sm: '6px', md: '8px', lg: '12px', xl: '16px' },
  cursorType: 'pointer',
  respectReducedMotion: true,
  components: {
    Button: { defaultProps: { size: 'xs' } },
    TextInput: { defaultProps: { size: 'xs' } },
    Textarea: { defaultProps: { size: 'xs' } },
    NumberInput: { defaultProps: { size: 'xs' } },
    Select: { defaultProps: { size: 'xs', comboboxProps: { shadow: 'md' } } },
    MultiSelect: { defaultProps: { size: 'xs' } },
    PasswordInput: { defaultProps: { size: 'xs' } },
    SegmentedControl: { defaultProps: { size: 'xs' } },
    Checkbox: { defaultProps: { size: 'xs' } },
    Switch: { defaultProps: { size: 'xs' } },
    ActionIcon: { defaultProps: { variant: 'subtle', color: 'gray', size: 'md' } },
    Tooltip: { defaultProps: { openDelay: 300, withArrow: false } },
    Menu: { defaultProps: { shadow: 'md', position: 'bottom-start' } },
    Modal: {
      defaultProps: { centered: true, overlayProps: { backgroundOpacity: 0.4 } },
      styles: { title: { fontWeight: 600 } },
    },
    Drawer: { defaultProps: { overlayProps: { backgroundOpacity: 0.4 } } },
    Anchor: { defaultProps: { underline: 'hover' } },
  },
});

/** Replaces colours that the library makes too pale for text: these have a contrast of 4.5 to 1 on all surfaces. */
export const cssVariables: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    '--mantine-color-dimmed': '#5f6067',
    '--mantine-color-placeholder': '#74757d',
    '--mantine-color-text': '#1c1c20',
    '--mantine-color-anchor': '#4a48b8',
    '--mantine-color-default-border': '#e2e2e6',
    '--mantine-color-default-hover': '#f4f4f5',
    '--mantine-color-error': '#ce2c31',
    '--mantine-color-gray-text': '#5f6067',
    '--mantine-color-gray-light-color': '#3c3d43',
    '--mantine-color-red-text': '#ce2c31',
    '--mantine-color-red-filled': '#ce2c31',
    '--mantine-color-red-filled-hover': '#b8272c',
    '--mantine-color-red-light-color': '#b02328',
    '--mantine-color-green-filled': '#1f7a53',
    '--mantine-color-green-filled-hover': '#1a6a48',
  },
  dark: {
    '--mantine-color-body': '#0f1012',
    '--mantine-color-dimmed': '#a3a5ad',
    '--mantine-color-placeholder': '#8b8d96',
    '--mantine-color-text': '#ededef',
    '--mantine-color-anchor': '#b1a9ff',
    '--mantine-color-default': '#17181b',
    '--mantine-color-default-border': '#2a2c31',
    '--mantine-color-default-hover': '#1f2125',
    '--mantine-color-error': '#ff9592',
    '--mantine-color-gray-text': '#a3a5ad',
    '--mantine-color-gray-light-color': '#d0d1d5',
    '--mantine-color-red-text': '#ff9592',
    '--mantine-color-red-filled': '#c4262b',
    '--mantine-color-red-filled-hover': '#d63136',
    '--mantine-color-red-light-color': '#ff9592',
    '--mantine-color-green-filled': '#1f7a53',
    '--mantine-color-green-filled-hover': '#258f62',
  },
});
