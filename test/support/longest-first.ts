import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Whole services before parts of them: what takes longest is not what the rest waits for at the end. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isWhole = ({ moduleId }: TestSpecification) => !moduleId.includes('/src/');
    return [...sorted.filter(isWhole), ...sorted.filter((file) => !isWhole(file))];
  }
}
