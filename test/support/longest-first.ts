import { BaseSequencer, type TestSpecification } from 'vitest/node';

/**
 * Runs the files with their own process first, which take longest, so that none of them is alone at the end. The others
 * follow without a gap: a shared process ends when the next file needs its own.
 */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isAlone = ({ project }: TestSpecification) => project.config.isolate;
    return [...sorted.filter(isAlone), ...sorted.filter((file) => !isAlone(file))];
  }
}
