#!/bin/sh
# Submits a run with curl alone, follows it to its end, and reads its outcome.
#
#   longhaul start        # in another terminal, in the same directory
#   sh submit-and-follow.sh
set -eu
URL=${LONGHAUL_URL:-http://127.0.0.1:4400}
AUTH="authorization: Bearer ${LONGHAUL_API_KEY:-$(cat .longhaul/admin-key)}"

# The answer is 202 at once, with the run's address. The idempotency key makes one run, however often it is sent.
RUN=$(curl -sS --fail-with-body --retry 5 --retry-connrefused -o /dev/null -w '%header{location}' "$URL/v1/runs" \
  -H "$AUTH" -H 'content-type: application/json' -H "idempotency-key: $(date +%s)-$$" \
  -d '{ "agent": "reader", "prompt": "What is this workspace about?", "user": "ann" }')

# Reads every event as it happens, up to the final one. After an interruption it resumes after its last event.
LAST=0
until [ "$LAST" = end ]; do
  curl -sSN --fail-with-body "$URL$RUN/events" -H "$AUTH" -H 'accept: text/event-stream' -H "last-event-id: $LAST" |
    while read -r LINE; do
      case $LINE in
        id:*) echo "${LINE#id: }" >"last-event-id.$$" ;;
        event:*) echo "${LINE#event: }" ;;
      esac
    done
  LAST=$(cat "last-event-id.$$" 2>/dev/null || echo 0)
  curl -sS "$URL$RUN" -H "$AUTH" | grep -q '"finishedAt":"' && LAST=end
done
rm -f "last-event-id.$$"

curl -sS "$URL$RUN" -H "$AUTH"
echo
