"""A simulated judge: a server on loopback that answers the judge role's questions in OpenAI's form."""

import asyncio
import json
import re
from typing import Any

from aiohttp import web

from cli.demo.simulation import Repeats, generator, prompt_tokens
from cli.demo.verdicts import JudgeProfile, choose, score

_MAX_BODY_BYTES = 8 * 2**20
_HEADERS = {"x-simulated": "true"}
_PIECE = re.compile(r"^<<(\w+) begin: answer ?[AB]?>>\n(.*?)\n<<\1 end: answer ?[AB]?>>$", re.DOTALL | re.MULTILINE)


class SimulatedJudge:
    """One judge; `port` is known once it is started."""

    def __init__(self, profile: JudgeProfile, *, seed: int) -> None:
        self.profile = profile
        self.port = 0
        self._seed = seed
        self._repeats = Repeats()
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Listens on a free loopback port."""
        app = web.Application(client_max_size=_MAX_BODY_BYTES)
        app.router.add_post("/{base:.*}chat/completions", self._chat)
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0, backlog=1024).start()
        self.port = self._runner.addresses[0][1]

    async def close(self) -> None:
        """Stops listening and drops what is under way."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _chat(self, request: web.Request) -> web.Response:
        body = await request.read()
        try:
            values = json.loads(body)
            model, texts = str(values["model"]), [str(message["content"]) for message in values["messages"]]
        except (ValueError, KeyError, TypeError):
            return web.json_response({"error": {"message": "simulated: no chat"}}, status=400, headers=_HEADERS)
        answers = [found[2] for found in _PIECE.finditer(texts[-1])]
        repeat = self._repeats.next(body)
        await asyncio.sleep(self.profile.answer_s.draw(generator(b"time", repeat.to_bytes(8, "big"), body)))
        said = self._verdict(answers, repeat)
        return web.json_response(_completion(self.profile, model, said, texts), headers=_HEADERS)

    def _verdict(self, answers: list[str], repeat: int) -> dict[str, Any]:
        if len(answers) == 2:
            winner = choose(self.profile, *answers, seed=self._seed, repeat=repeat)
            said = "neither is clearer" if winner == "tie" else f"{winner} is clearer"
            return {"rationale": f"Simulated: {said}.", "winner": winner}
        text = answers[0] if answers else ""
        return {"rationale": "Simulated: by its clear words.", "score": score(self.profile, text, seed=self._seed)}


def _completion(profile: JudgeProfile, model: str, said: dict[str, Any], texts: list[str]) -> dict[str, Any]:
    message = {"role": "assistant", "content": json.dumps(said), "refusal": None}
    prompt = sum(prompt_tokens(text) for text in texts)
    return {
        "id": "chatcmpl-simulated",
        "object": "chat.completion",
        "created": 0,
        "model": model,
        "system_fingerprint": "simulated",
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}],
        "usage": {
            "prompt_tokens": prompt,
            "completion_tokens": profile.output_tokens,
            "total_tokens": prompt + profile.output_tokens,
        },
    }
