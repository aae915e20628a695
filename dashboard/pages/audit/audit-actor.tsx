import { shortId } from '../../ui/format/format.ts';
import { toVisible } from '../../ui/text/to-visible.ts';

/** An actor with an id, such as `key:ID (NAME)` or `worker:ID`. */
const WITH_ID = /^(\w+):([0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})(?: \((.*)\))?$/s;

/** The actor of an entry: the kind and the end of its id, the whole on hover. */
export function AuditActor({ actor }: { readonly actor: string }) {
  const [, kind = '', id = '', name] = WITH_ID.exec(actor) ?? [];
  if (id === '') return <bdi>{toVisible(actor).slice(0, 120)}</bdi>;
  return (
    <span title={toVisible(actor)}>
      {kind} <span className="mono">{shortId(id)}</span>
      {name !== undefined && (
        <>
          {' '}
          <bdi>{toVisible(name).slice(0, 100)}</bdi>
        </>
      )}
    </span>
  );
}
