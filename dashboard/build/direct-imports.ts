import { readFileSync } from 'node:fs';
import path from 'node:path';

/**
 * Packages whose index imports every file of the package. esbuild splits a bundle by files, so an import from the
 * index would load the files that any page needs.
 */
const PACKAGES = ['@mantine/core', '@mantine/hooks', '@mantine/notifications', '@mantine/spotlight'];

/** Package that has all icons in one file. */
const ICONS = '@radix-ui/react-icons';

const IMPORT = new RegExp(String.raw`^import \{([^}]*)\} from ['"](${[...PACKAGES, ICONS].join('|')})['"];?$`, 'gm');

/** Imports of names from the files that hold them, so that a page loads only what it uses. */
export interface DirectImports {
  /** Replaces the imports from the packages in a source. */
  rewrite(source: string): string;
  /** Returns the source of an icon's own module. */
  readIcon(name: string): string;
}

/** Specifier of an icon's own module. */
export const ICON_PREFIX = 'icon:';

/** Reads where the packages in `node_modules` have their names. */
export function findDirectImports(nodeModules: string): DirectImports {
  const files = new Map(PACKAGES.map((name) => [name, readIndex(path.join(nodeModules, name, 'esm'))]));
  const icons = readIcons(path.join(nodeModules, ICONS, 'dist/react-icons.esm.js'));
  files.set(ICONS, new Map([...icons.keys()].map((name) => [name, `${ICON_PREFIX}${name}`])));

  function find(name: string, from: string): string {
    const file = files.get(from)?.get(name);
    if (file === undefined) throw new Error(`${from} has no ${name} that dashboard/build/direct-imports.ts can find.`);
    return file;
  }

  return {
    rewrite: (source) =>
      source.replaceAll(IMPORT, (_all, names: string, from: string) =>
        toNames(names)
          .map((name) => `import { ${name} } from ${JSON.stringify(find(name.split(' as ')[0]!, from))};`)
          .join(' '),
      ),
    readIcon: (name) => icons.get(name)!,
  };
}

/** Returns the names of an import that remain at run time. */
function toNames(list: string): readonly string[] {
  return list
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '' && !name.startsWith('type '));
}

/** Returns the file of each name that an index imports. */
function readIndex(directory: string): ReadonlyMap<string, string> {
  const index = readFileSync(path.join(directory, 'index.mjs'), 'utf8');
  return new Map(
    [...index.matchAll(/^import \{([^}]*)\} from "([^"]+)";$/gm)].flatMap(([, names = '', file = '']) =>
      toNames(names).map((name) => [name, file.startsWith('.') ? path.join(directory, file) : file] as const),
    ),
  );
}

/** Returns a module for each icon: the helpers of all, and the icon's own declarations. */
function readIcons(file: string): ReadonlyMap<string, string> {
  const source = readFileSync(file, 'utf8');
  const helpersEnd = source.search(/^var /m);
  const helpers = source.slice(0, helpersEnd);
  let end = helpersEnd;
  return new Map(
    [...source.matchAll(/^var (\w+Icon) = [^]*?^\}\);$/gm)].map((found) => {
      const [{ length }, name = ''] = found;
      // An icon may have a variable before it.
      const own = source.slice(end, (end = found.index + length));
      return [name, `${helpers}${own}\nexport { ${name} };`];
    }),
  );
}
