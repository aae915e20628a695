"""Submits a run and follows it to its end, with Python's standard library alone.

    longhaul start        # in another terminal, in the same directory
    python3 submit_and_follow.py
"""

import json
import os
import pathlib
import time
import urllib.error
import urllib.request
import uuid

URL = os.environ.get("LONGHAUL_URL", "http://127.0.0.1:4400")
KEY = os.environ.get("LONGHAUL_API_KEY") or pathlib.Path(".longhaul/admin-key").read_text().strip()
FINAL = {"run.succeeded", "run.failed", "run.cancelled"}


def request(path, body=None, headers=None, timeout=30):
    headers = {"authorization": f"Bearer {KEY}", "content-type": "application/json", **(headers or {})}
    data = None if body is None else json.dumps(body).encode()
    return urllib.request.urlopen(urllib.request.Request(URL + path, data, headers), timeout=timeout)


def is_passing(error):
    """Whether the same may work later: nobody answered, or the server has too much to do."""
    return not isinstance(error, urllib.error.HTTPError) or error.code in (408, 429) or error.code >= 500


def keep_trying(task):
    while True:
        try:
            return task()
        except OSError as error:
            if not is_passing(error):
                raise
            time.sleep(1)


def submit(submission):
    """Submits once, however often it has to be sent: that is what the key is for."""
    key = {"idempotency-key": str(uuid.uuid4())}

    def send():
        with request("/v1/runs", submission, key) as response:
            return json.load(response)

    return keep_trying(send)


def follow(run_id):
    """Every event of a run, once and in order, over as many connections as it takes."""
    last_id = "0"
    while True:
        headers = {"accept": "text/event-stream", "last-event-id": last_id}
        # The server sends a heartbeat every 5 seconds: half a minute of silence means a broken connection.
        with keep_trying(lambda: request(f"/v1/runs/{run_id}/events", None, headers, timeout=30)) as response:
            try:
                for line in response:
                    field, _, value = line.decode().rstrip("\n").partition(": ")
                    if field == "id":
                        next_id = value
                    elif field == "data":
                        event = json.loads(value)
                        yield event
                        last_id = next_id
                        if event["type"] in FINAL:
                            return
            except OSError:
                pass


submitted = submit({"agent": "reader", "prompt": "What is this workspace about?", "user": "ann"})
for event in follow(submitted["id"]):
    if event["type"] == "agent.tool_use":
        print(event["data"]["name"], json.dumps(event["data"]["input"]))
    elif event["type"] == "agent.text.delta":
        print(event["data"]["text"], end="", flush=True)

with request(f"/v1/runs/{submitted['id']}") as response:
    run = json.load(response)
print(f"\n{run['status']}: ${run['costUsd']} in {run['turns']} turns")
