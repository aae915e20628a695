import { queryOptions } from '@tanstack/react-query';
import { client } from './client.ts';

/** Reads the content of a file; it never changes. */
export async function readFile(fileId: string): Promise<Blob> {
  return new Response(await client.fileContent(fileId)).blob();
}

/** Reads a picture as a `data:` URL, because the page may show no other pictures than its own. */
export const pictureQuery = ({ fileId, mediaType }: { readonly fileId: string; readonly mediaType: string }) =>
  queryOptions({
    queryKey: ['picture', fileId],
    queryFn: async () => toDataUrl(await readFile(fileId), mediaType),
    staleTime: Number.POSITIVE_INFINITY,
  });

function toDataUrl(content: Blob, mediaType: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.addEventListener('load', () => resolve(reader.result as string));
    reader.addEventListener('error', () => reject(reader.error ?? new Error('The picture could not be read.')));
    reader.readAsDataURL(content.slice(0, content.size, mediaType));
  });
}
