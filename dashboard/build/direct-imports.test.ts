import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { findDirectImports } from './direct-imports.ts';

const MODULES = path.resolve(import.meta.dirname, '../../node_modules');
const imports = findDirectImports(MODULES);

describe('imports from a package with an index', () => {
  it('lead to the file of each name, and leave types and other packages alone', () => {
    const source = [
      "import { Button, type ButtonProps, Text as Words } from '@mantine/core';",
      "import { useQuery } from '@tanstack/react-query';",
      "import { BellIcon } from '@radix-ui/react-icons';",
      "import type { MantineColor } from '@mantine/core';",
    ].join('\n');
    const [mantine, query, icon, types] = imports.rewrite(source).split('\n');
    expect(mantine).toMatch(
      /^import \{ Button \} from ".*\/Button\/Button\.mjs"; import \{ Text as Words \} from ".*\/Text\/Text\.mjs";$/,
    );
    expect([query, icon, types]).toEqual([
      "import { useQuery } from '@tanstack/react-query';",
      'import { BellIcon } from "icon:BellIcon";',
      "import type { MantineColor } from '@mantine/core';",
    ]);
    expect(imports.readIcon('BellIcon')).toMatch(/^import \{ forwardRef[^]*var BellIcon = [^]*export \{ BellIcon \};$/);
  });

  it('give each icon a module that declares all it uses', () => {
    const index = readFileSync(path.join(MODULES, '@radix-ui/react-icons/dist/react-icons.esm.js'), 'utf8');
    const names = [...index.matchAll(/^var (\w+Icon) =/gm)].map(([, name = '']) => name);
    expect(names.length).toBeGreaterThan(300);
    const wrong = names.filter((name) => {
      const source = imports.readIcon(name);
      const used = new Set(
        [...source.matchAll(/_excluded(?:\$\w+)?|_objectWithoutPropertiesLoose/g)].map(([text]) => text),
      );
      return [...used].some((one) => !new RegExp(`(?:var|function) ${one.replace('$', '\\$')}\\b`).test(source));
    });
    expect(wrong).toEqual([]);
  });

  it('fail when the package has no such name', () => {
    expect(() => imports.rewrite("import { Nothing } from '@mantine/core';")).toThrow('@mantine/core has no Nothing');
  });
});
