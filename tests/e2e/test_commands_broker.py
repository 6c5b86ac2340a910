"""Commands through a real broker to a real device, and what of them is on disk."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

from tests.e2e.asyncapi_judge import Judge
from tests.e2e.commands_rig import GATEWAY, PLC, commanded, settle
from tests.e2e.mosquitto import Mosquitto, wait_for
from tests.e2e.test_foreign_writes import mbpoll

if TYPE_CHECKING:
    from pathlib import Path


def test_a_write_reaches_the_register_and_the_reply_tells_it(tmp_path: Path) -> None:
    with Mosquitto(tmp_path) as broker, commanded(tmp_path, broker.port) as made:
        made.start()
        reply = made.send(PLC, "write", {"tag": "setpoint", "value": 1234}, by="Li")
        assert reply["code"] == "ok"
        assert (reply["data"]["before"], reply["data"]["after"]) == (10, 1234)
        assert made.send(PLC, "write", {"tag": "oven", "value": 21.5})["code"] == "ok"
        codes = {
            made.send(PLC, "write", args)["code"]
            for args in ({"tag": "oven", "value": 21.55}, {"tag": "oven", "value": 251})
        }
        assert codes == {"rejected"}
        assert made.send(PLC, "write", {"tag": "locked", "value": 1})["code"] == "not_permitted"
        reply = made.send(PLC, "write", {"tag": "gone", "value": 1})
        assert reply["code"] == "failed"
        assert "illegal data address" in reply["msg"]
        wait_for(
            lambda: any(b'"oven":21.5' in heard.payload for heard in made.platform.on("live")),
            "telemetry shows it",
        )
        made.end()
        # And somebody else reads it too.
        assert mbpoll(made.link, "-t4", "-r40", "-c2") == ["1234", "215"]
        judge = Judge()
        for heard in made.platform.heard:
            if "/reply/" in heard.topic:
                judge.judge(heard.topic, heard.payload, retained=heard.retained)
        whats = [line["what"] for line in made.audited()]
        assert whats == ["received", "done"] * 6
        checked = made.audit("--verify")
        assert checked.returncode == 0, checked.stdout
        assert reply["data"]["audit"]["h"] in checked.stdout


def test_retained_commands_are_not_even_sent(tmp_path: Path) -> None:
    with Mosquitto(tmp_path) as broker, commanded(tmp_path, broker.port) as made:
        topic, payload = made.maker.command(PLC, "write", {"tag": "setpoint", "value": 66})
        made.publish(topic, payload, retain=True)
        settle(0.3)
        made.start()
        topic, payload = made.maker.command(PLC, "write", {"tag": "setpoint", "value": 67})
        made.publish(topic, payload, retain=True)
        cid = json.loads(payload)["cid"]
        assert made.reply(cid)["code"] == "rejected"
        assert made.send(PLC, "write", {"tag": "oven", "value": 1})["code"] == "ok"
        counts = [line["what"] for line in made.audited()]
        assert counts == ["refused", "received", "done"]
        made.end()
        assert mbpoll(made.link, "-t4", "-r40") == ["10"]


def test_resend_context_and_a_platform_in_a_shell(tmp_path: Path) -> None:
    """The last as docs/platform.md shows it, with nothing of ours in it."""
    with Mosquitto(tmp_path) as broker, commanded(tmp_path, broker.port) as made:
        made.start()
        meta = json.loads(made.platform.on("plc-1/meta")[0].payload)
        reply = made.send(GATEWAY, "resend", {"from": meta["id"], "to": meta["id"]})
        assert (reply["code"], reply["data"]["count"]) == ("accepted", 1)
        wait_for(lambda: len(made.platform.on("plc-1/meta")) == 2, "the meta comes again")
        again = json.loads(made.platform.on("plc-1/meta")[1].payload)
        assert (again["id"], again["hist"]) == (meta["id"], True)
        reply = made.send(PLC, "context", {"order": "A-77"})
        assert reply["code"] == "ok"
        assert made.send(PLC, "ack", {"alarm": "hot"})["code"] == "rejected"
        assert made.send(PLC, "config", {"site": "x"})["code"] == "not_permitted"
        script = """
topic=cii/v1/c1/e1/s1/_dev/plc-1/cmd/write
now=$(date +%s%3N)
args='{"tag":"setpoint","value":7}'
text='{"v":"1.0","cid":"shell-0001","ts":'$now',"exp":'$((now + 60000))',"args":'$args'}'
sig=$(printf '%s\\n%s' "$topic" "$text" | openssl dgst -sha256 -hmac "$(cat command.key)")
body="${text%?},\\"sig\\":\\"${sig##* }\\"}"
mosquitto_pub -p PORT -q 1 -t "$topic" -m "$body"
"""
        subprocess.run(
            ["bash", "-euc", script.replace("PORT", str(broker.port))],
            cwd=tmp_path,
            check=True,
            timeout=20,
        )
        assert made.reply("shell-0001")["code"] == "ok"


def test_another_site_file_holds_at_once(tmp_path: Path) -> None:
    """Writes narrowed and commands switched off while it runs."""
    with (
        Mosquitto(tmp_path) as broker,
        commanded(tmp_path, broker.port) as made,
    ):
        made.start()
        assert made.send(PLC, "write", {"tag": "setpoint", "value": 300})["code"] == "ok"
        site = tmp_path / "site.yaml"
        text = site.read_text()
        wide = {"tag": "setpoint", "value": 300}
        site.write_text(text.replace("max: 60000", "max: 200"))
        wait_for(lambda: made.send(PLC, "write", wide)["code"] == "rejected", "the new range holds")
        assert made.send(PLC, "write", {"tag": "setpoint", "value": 200})["code"] == "ok"
        greeted = len(made.platform.on("/status"))
        site.write_text(text.replace("allow: [resend, context, ack]", "allow: []"))
        # The connection is made anew, and what is sent meanwhile waits for nobody.
        wait_for(lambda: len(made.platform.on("/status")) >= greeted + 2, "connected again")
        settle(0.5)
        assert made.send(PLC, "context", {"order": "A"})["code"] == "not_permitted"
        assert made.send(PLC, "write", {"tag": "setpoint", "value": 300})["code"] == "ok"
        made.end()
        assert mbpoll(made.link, "-t4", "-r40") == ["300"]
        assert made.audit("--verify").returncode == 0
