#!/bin/sh
# A Claude Code that answers at once: only Longhaul takes time. A shell script, because it starts in a millisecond.
while read -r line; do
  case $line in
  *'"subtype":"initialize"'*)
    id=${line#*'"request_id":"'}
    printf '{"type":"control_response","response":{"subtype":"success","request_id":"%s","response":{"hook_on_failure_supported":true}}}\n' "${id%%'"'*}"
    ;;
  *'"type":"user"'*)
    echo '{"type":"system","subtype":"init","session_id":"s","model":"m","tools":[],"cwd":"/","claude_code_version":"0.0.0"}'
    echo '{"type":"assistant","message":{"id":"msg_1","model":"m","content":[{"type":"text","text":"Done."}]},"parent_tool_use_id":null}'
    echo '{"type":"result","subtype":"success","is_error":false,"result":"Done.","total_cost_usd":0,"num_turns":1,"modelUsage":{}}'
    exit
    ;;
  esac
done
