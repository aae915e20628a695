import { Link } from '@tanstack/react-router';
import type { AuditEntryResource } from 'longhaul/client';
import { shortId } from '../../ui/format/format.ts';
import { toVisible } from '../../ui/text/to-visible.ts';

const ID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/;

/** The subject of an entry: a run links to its page. */
export function AuditSubject({ entry: { action, subject } }: { readonly entry: AuditEntryResource }) {
  if (!ID.test(subject)) return <bdi>{toVisible(subject).slice(0, 120)}</bdi>;
  if (action.startsWith('run.')) {
    return (
      <Link to="/runs/$runId" params={{ runId: subject }}>
        <span className="mono">{shortId(subject)}</span>
      </Link>
    );
  }
  return (
    <span className="mono" title={subject}>
      {shortId(subject)}
    </span>
  );
}
