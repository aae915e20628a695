/** A file in a prompt, whose content is stored apart from the run. */
export interface AttachedFile {
  readonly type: 'image' | 'document';
  /** A UUID. */
  readonly fileId: string;
  /** Null: it was sent without a name. */
  readonly name: string | null;
  readonly mediaType: string;
  /** Its size in bytes. */
  readonly bytes: number;
  /** A title and a context that its sender gives the model beside a document. */
  readonly title?: string | undefined;
  readonly context?: string | undefined;
}

/** A part of a prompt, in the order in which the model reads it. */
export type PromptPart = { readonly type: 'text'; readonly text: string } | AttachedFile;

/** A part of a prompt with its content: of an image or a PDF in base64, of any other document as text. */
export type ContentPart =
  | { readonly type: 'text'; readonly text: string }
  | {
      readonly type: 'image' | 'document';
      readonly mediaType: string;
      readonly data: string;
      readonly title: string | null;
      readonly context: string | null;
    };

/** Returns the files of a prompt, in order. Null stands for a prompt that is a text alone. */
export function filesOf(parts: readonly PromptPart[] | null): AttachedFile[] {
  return (parts ?? []).filter((part) => part.type !== 'text');
}
