import { useQuery } from '@tanstack/react-query';
import type { RunResource } from 'longhaul/client';
import { pictureQuery, readFile } from '../../../data/files.ts';
import { useAction } from '../../../data/use-action.ts';
import { formatBytes } from '../../../ui/format/format.ts';
import { toVisible } from '../../../ui/text/to-visible.ts';
import classes from './attachments.module.css';

type Attachment = RunResource['attachments'][number];

const PICTURES = ['image/png', 'image/jpeg', 'image/gif', 'image/webp'];

/** Shows the files of a prompt or message: pictures as they are, others by name. Each can be downloaded. */
export function Attachments({ files }: { readonly files: readonly Attachment[] }) {
  if (files.length === 0) return null;
  return (
    <ul className={classes['attachments']} aria-label="Attachments">
      {files.map((file) => (
        <li key={file.fileId}>
          <AttachedFile file={file} />
        </li>
      ))}
    </ul>
  );
}

function AttachedFile({ file }: { readonly file: Attachment }) {
  const isPicture = PICTURES.includes(file.mediaType);
  const { data: url } = useQuery({ ...pictureQuery(file), enabled: isPicture });
  const name = toVisible(file.name ?? file.mediaType);
  const download = useAction({ act: () => save(file), changes: [] });
  return (
    <button type="button" className={classes['file']} onClick={() => download.mutate()} title={`Download ${name}`}>
      {url !== undefined && <img src={url} alt={name} />}
      <span>{name}</span>
      <span className={classes['size']}>{formatBytes(file.bytes)}</span>
    </button>
  );
}

async function save({ fileId, name }: Attachment): Promise<void> {
  const url = URL.createObjectURL(await readFile(fileId));
  const link = document.createElement('a');
  link.href = url;
  link.download = name ?? fileId;
  link.click();
  URL.revokeObjectURL(url);
}
