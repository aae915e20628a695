import { z } from 'zod';

const submission = z.object({ prompt: z.string().min(1).max(5_000), user: z.string().max(200).default('anonymous') });

export type Submission = z.infer<typeof submission>;

/** Reads the body of a submission; null when it is not valid. */
export function readSubmission(body: unknown): Submission | null {
  return submission.safeParse(body).data ?? null;
}

/** The day by which spending is added up, in UTC: `2026-11-30`. */
export function today(): string {
  return new Date().toISOString().slice(0, 10);
}
