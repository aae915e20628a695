import type { FileResource, NewFile } from '../api/contract.ts';
import { jsonBody } from './json-body.ts';
import type { Transport } from './transport.ts';

export interface FilePage {
  /** Newest first. */
  readonly data: FileResource[];
  /** Continues the list; null on the last page. */
  readonly nextCursor: string | null;
}

/** Methods for files that are attached to runs. */
export interface FileMethods {
  /** Uploads a file, to attach it to runs by its id. */
  uploadFile(file: NewFile): Promise<FileResource>;
  /** Lists uploaded files, newest first, one page at a time: `limit` files (50, at most 200) after `cursor`. */
  listFiles(page?: { cursor?: string | undefined; limit?: number | undefined }): Promise<FilePage>;
  /** Reads the properties of a file: an uploaded one, or an attachment of a run. */
  getFile(id: string): Promise<FileResource>;
  /** Streams the content of a file. */
  fileContent(id: string, options?: { signal?: AbortSignal | undefined }): Promise<ReadableStream<Uint8Array>>;
  /** Deletes an uploaded file, and returns it; runs that contain it keep it. */
  removeFile(id: string): Promise<FileResource>;
}

export function createFileMethods({ requestJson, requestStream, toQuery }: Transport): FileMethods {
  const pathOf = (id: string) => `/v1/files/${encodeURIComponent(id)}`;
  return {
    uploadFile: (file) => requestJson('/v1/files', jsonBody('POST', file)),
    listFiles: (page = {}) => requestJson(`/v1/files${toQuery({ ...page })}`),
    getFile: (id) => requestJson(pathOf(id)),
    async fileContent(id, { signal } = {}) {
      const { body } = await requestStream(`${pathOf(id)}/content`, signal, 'application/octet-stream');
      return body ?? new ReadableStream({ start: (controller) => controller.close() });
    },
    removeFile: (id) => requestJson(pathOf(id), { method: 'DELETE' }),
  };
}
