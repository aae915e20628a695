import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Runs tests of whole services before tests of parts, so that no long test is left for the end. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isWhole = ({ moduleId }: TestSpecification) => !moduleId.includes('/src/');
    return [...sorted.filter(isWhole), ...sorted.filter((file) => !isWhole(file))];
  }
}
