#!/usr/bin/env python3
"""A fault-injecting HTTP/1.1 proxy between an S3 client and an S3 server, on 127.0.0.1, plain HTTP.

    faultproxy.py --listen 19500 --admin 19501 --upstream 127.0.0.1:19002 [--rules rules.json]

Host and all signed headers pass through untouched, so SigV4 keeps working (clients sign for the
proxy's port). Rules are a JSON list; the first that matches wins. On the admin port: POST /rules
replaces them, DELETE /rules clears them, GET shows rules, log (which rule fired on what, and
what upstream answered) and counters.

A rule's conditions (all that are given must hold):
  op        CreateMultipartUpload UploadPart CompleteMultipartUpload AbortMultipartUpload ListParts
            ListMultipartUploads PutObject GetObject HeadObject DeleteObject ListObjects Other
  method, path (regex), query (regex)
  after_n   skip the first n matches
  times     fire at most so often
  prob      fire with this probability

A rule's effects:
  latency_ms, resp_latency_ms   wait before forwarding / before answering
  status [code, retry_after]    answer with this error, upstream never sees the request
  status_after [code]           upstream applies the request, the client gets this error
  lost_response 'fin'|'rst'     upstream applies it, the client sees the connection end, no answer
  reset_body N [up_close]       forward N bytes of the body, then reset ('fin': end upstream's
                                side cleanly)
  truncate_response N [close]   N bytes of the answer (head included), then end ('fin' or 'rst')
  hang 'before'|'after'         never answer (upstream has not / has applied it); hang_ms ends it
  embed_error CODE [apply]      200 OK with an <Error> document in the body
  flip_byte N                   flip a bit of byte N of the request body: a network that corrupts
  trickle_ms                    the answer byte by byte, so long apart
"""

import argparse
import asyncio
import json
import random
import re
import socket
import struct
import time

CHUNK = 1 << 18
FOREVER_MS = 3_600_000
LOG_MAX = 5000
DEFAULT_CODES = {
    400: "RequestTimeout",
    403: "ExpiredToken",
    404: "NoSuchUpload",
    409: "ConditionalRequestConflict",
    500: "InternalError",
    503: "SlowDown",
}
UPLOAD_OPS = {
    "PUT": "UploadPart",
    "POST": "CompleteMultipartUpload",
    "DELETE": "AbortMultipartUpload",
    "GET": "ListParts",
}
OBJECT_OPS = {
    "PUT": "PutObject",
    "GET": "GetObject",
    "HEAD": "HeadObject",
    "DELETE": "DeleteObject",
}


class Done(Exception):
    """The exchange is over and so is the connection."""


class BodyLimit(Exception):
    """As much of a body was copied as a rule allows."""


def operation(method, path, query):
    """The S3 operation of a path-style request."""
    keys = {item.split("=")[0] for item in query.split("&")} if query else set()
    is_object = path.count("/") >= 2 and not path.endswith("/")
    if "uploadId" in keys:
        return UPLOAD_OPS.get(method, "Other")
    if "uploads" in keys:
        return "CreateMultipartUpload" if method == "POST" else "ListMultipartUploads"
    if is_object and not keys - {"x-id"}:
        return OBJECT_OPS.get(method, "Other")
    if method == "GET" and not is_object and path != "/":
        return "ListObjects"
    return "Other"


class Rules:
    """The rules, their counters and the log of what fired."""

    def __init__(self, rules, seed):
        self.rules = rules
        self.random = random.Random(seed)
        self.log = []
        self.counters = {"requests": 0, "fired": 0, "connections": 0}

    def replace(self, rules):
        self.rules = rules
        self.log.clear()

    def pick(self, method, url):
        """The rule to apply to this request ({} for none) and its log entry."""
        path, _, query = url.partition("?")
        op = operation(method, path, query)
        self.counters["requests"] += 1
        for rule in self.rules:
            if self._matches(rule, method, op, path, query) and self._fires(rule):
                return rule, self._note(rule, op, method, url)
        return {}, {}

    @staticmethod
    def _matches(rule, method, op, path, query):
        return (
            rule.get("method", method) == method
            and rule.get("op", op) == op
            and re.search(rule.get("path", ""), path)
            and re.search(rule.get("query", ""), query)
        )

    def _fires(self, rule):
        rule["seen"] = rule.get("seen", 0) + 1
        if rule["seen"] <= rule.get("after_n", 0):
            return False
        if rule.get("fired", 0) >= rule.get("times", float("inf")):
            return False
        if self.random.random() >= rule.get("prob", 1):
            return False
        rule["fired"] = rule.get("fired", 0) + 1
        self.counters["fired"] += 1
        return True

    def _note(self, rule, op, method, url):
        entry = {
            "t": round(time.time(), 3),
            "op": op,
            "method": method,
            "url": url[:300],
            "rule": {key: value for key, value in rule.items() if key != "seen"},
        }
        self.log.append(entry)
        del self.log[:-LOG_MAX]
        return entry


# --- HTTP ----------------------------------------------------------------------------------------


class Message:
    """The head of a request or an answer."""

    def __init__(self, raw):
        self.raw = raw
        lines = raw.split(b"\r\n")
        self.first = lines[0].decode("latin1")
        self.headers = {}
        for line in lines[1:]:
            name, colon, value = line.partition(b":")
            if colon:
                self.headers[name.strip().lower()] = value.strip()

    def header(self, name):
        return self.headers.get(name, b"").lower()

    def chunked(self):
        return b"chunked" in self.header(b"transfer-encoding")

    def length(self):
        return int(self.headers.get(b"content-length", b"0"))

    def has_framing(self):
        return b"content-length" in self.headers or self.chunked()


async def read_message(reader):
    return Message(await reader.readuntil(b"\r\n\r\n"))


async def discard(_data):
    """A sink for bodies nobody wants."""


async def copy_body(reader, message, sink, limit=None, flip=None):
    """Copies a body as its head frames it; raises BodyLimit after limit bytes."""
    copied = 0

    async def put(data):
        nonlocal copied
        if flip is not None and copied <= flip < copied + len(data):
            data = bytearray(data)
            data[flip - copied] ^= 1
            data = bytes(data)
        if limit is not None and copied + len(data) >= limit:
            await sink(data[: limit - copied])
            raise BodyLimit
        copied += len(data)
        await sink(data)

    if message.chunked():
        await copy_chunks(reader, put)
    else:
        await copy_exactly(reader, message.length(), put)


async def copy_exactly(reader, left, put):
    while left:
        data = await reader.read(min(left, CHUNK))
        if not data:
            raise asyncio.IncompleteReadError(b"", left)
        left -= len(data)
        await put(data)


async def copy_chunks(reader, put):
    while True:
        line = await reader.readuntil(b"\r\n")
        await put(line)
        size = int(line.split(b";")[0], 16)
        if size:
            await copy_exactly(reader, size + 2, put)
            continue
        while line != b"\r\n":  # trailers, then an empty line
            line = await reader.readuntil(b"\r\n")
            await put(line)
        return


def reset(writer):
    """Ends a connection with RST instead of FIN."""
    raw = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def end(writer, how):
    if how == "rst":
        reset(writer)
    else:
        writer.close()


def error_document(code, serial):
    return (
        f"<Error><Code>{code}</Code><Message>injected</Message>"
        f"<RequestId>FAULT{serial}</RequestId></Error>"
    ).encode()


XML_HEAD = b'<?xml version="1.0" encoding="UTF-8"?>\n'


# --- one client connection -----------------------------------------------------------------------


class Connection:
    """One client connection and the upstream connection that belongs to it."""

    def __init__(self, rules, upstream, reader, writer):
        self.rules = rules
        self.upstream = upstream
        self.reader = reader
        self.writer = writer
        self.up_reader = None
        self.up_writer = None

    async def serve(self):
        self.rules.counters["connections"] += 1
        try:
            while True:
                await self.exchange()
        except (Done, ConnectionError, asyncio.IncompleteReadError, OSError):
            pass
        finally:
            for writer in (self.writer, self.up_writer):
                if writer:
                    writer.close()

    async def exchange(self):
        request = await read_message(self.reader)
        method, url, _ = request.first.split(" ", 2)
        rule, entry = self.rules.pick(method, url)
        await self.pause(rule.get("latency_ms"))
        if self.is_local(rule):
            await self.answer_locally(request, method, rule)
            return
        await self.forward(request, rule)
        answer, status = await self.upstream_answer()
        entry["upstream_status"] = status
        await self.pause(rule.get("resp_latency_ms"))
        has_body = method != "HEAD" and status not in (204, 304)
        if self.replaces_answer(rule):
            if has_body:
                await copy_body(self.up_reader, answer, discard)
            await self.answer_instead(method, rule)
        elif "truncate_response" in rule:
            await self.answer_truncated(answer, has_body, rule)
        else:
            await self.answer_faithfully(answer, has_body, rule)

    @staticmethod
    async def pause(milliseconds):
        if milliseconds:
            await asyncio.sleep(milliseconds / 1000)

    # Upstream never sees the request.

    @staticmethod
    def is_local(rule):
        embedded = "embed_error" in rule and not rule.get("apply")
        return "status" in rule or embedded or rule.get("hang") == "before"

    async def answer_locally(self, request, method, rule):
        if request.header(b"expect") == b"100-continue":
            if "status" in rule and rule.get("early", True):
                await self.send_error(method, rule["status"], rule)
                raise Done
            await self.send_continue()
        await copy_body(self.reader, request, discard)
        if "hang" in rule:
            await self.pause(rule.get("hang_ms", FOREVER_MS))
            raise Done
        if "embed_error" in rule:
            await self.send_embedded(method, rule)
        else:
            await self.send_error(method, rule["status"], rule)

    # Upstream sees it, whole or in part.

    async def forward(self, request, rule):
        if self.up_writer is None or self.up_writer.is_closing():
            host, port = self.upstream
            self.up_reader, self.up_writer = await asyncio.open_connection(
                host, port, limit=1 << 20
            )
        head = request.raw
        if request.header(b"expect") == b"100-continue":
            # We say 100 ourselves; Expect is never a signed header.
            head = re.sub(rb"(?i)\r\nexpect:[^\r]*", b"", head)
            await self.send_continue()
        await self.send_up(head)
        try:
            await copy_body(
                self.reader,
                request,
                self.send_up,
                limit=rule.get("reset_body"),
                flip=rule.get("flip_byte"),
            )
        except BodyLimit:
            end(self.up_writer, rule.get("up_close", "rst"))
            reset(self.writer)
            raise Done from None
        except asyncio.IncompleteReadError:
            # The client died in mid-body. Some servers store what came before a clean end, so pass
            # its death on as a reset.
            reset(self.up_writer)
            raise Done from None

    async def upstream_answer(self):
        while True:
            answer = await read_message(self.up_reader)
            status = int(answer.first.split(" ")[1])
            if status != 100:
                return answer, status

    # The answer.

    @staticmethod
    def replaces_answer(rule):
        return (
            "lost_response" in rule
            or "status_after" in rule
            or "embed_error" in rule
            or rule.get("hang") == "after"
        )

    async def answer_instead(self, method, rule):
        if "lost_response" in rule:
            self.up_writer.close()
            end(self.writer, rule["lost_response"])
            raise Done
        if "hang" in rule:
            await self.pause(rule.get("hang_ms", FOREVER_MS))
            raise Done
        if "embed_error" in rule:
            await self.send_embedded(method, rule)
        else:
            await self.send_error(method, rule["status_after"], rule)

    async def answer_truncated(self, answer, has_body, rule):
        whole = bytearray(answer.raw)

        async def keep(data):
            whole.extend(data)

        if has_body:
            await copy_body(self.up_reader, answer, keep)
        await self.send_down(bytes(whole[: rule["truncate_response"]]))
        self.up_writer.close()
        end(self.writer, rule.get("close", "fin"))
        raise Done

    async def answer_faithfully(self, answer, has_body, rule):
        async def sink(data):
            await self.send_down(data, rule.get("trickle_ms"))

        await sink(answer.raw)
        if has_body and answer.has_framing():
            await copy_body(self.up_reader, answer, sink)
        elif has_body:
            while data := await self.up_reader.read(CHUNK):
                await sink(data)
            raise Done
        if b"close" in answer.header(b"connection"):
            raise Done

    # Bytes.

    async def send_up(self, data):
        self.up_writer.write(data)
        await self.up_writer.drain()

    async def send_down(self, data, trickle_ms=None):
        step = 1 if trickle_ms else max(1, len(data))
        for i in range(0, len(data), step):
            self.writer.write(data[i : i + step])
            await self.writer.drain()
            await self.pause(trickle_ms)

    async def send_continue(self):
        await self.send_down(b"HTTP/1.1 100 Continue\r\n\r\n")

    async def send_error(self, method, status, rule):
        code = rule.get("code") or DEFAULT_CODES.get(status, "InternalError")
        body = XML_HEAD + error_document(code, self.rules.counters["fired"])
        extra = b""
        if "retry_after" in rule:
            extra = f"Retry-After: {rule['retry_after']}\r\n".encode()
        await self.send_answer(method, f"{status} Injected", body, extra)

    async def send_embedded(self, method, rule):
        """As S3 does when a Complete fails after its 200 went out: white space, then the error."""
        error = error_document(rule["embed_error"], self.rules.counters["fired"])
        body = XML_HEAD + b" " * rule.get("spaces", 20) + error
        await self.send_answer(method, "200 OK", body)

    async def send_answer(self, method, status, body, extra=b""):
        head = (
            f"HTTP/1.1 {status}\r\nContent-Type: application/xml\r\n"
            f"Content-Length: {len(body)}\r\nx-amz-request-id: FAULT\r\n"
        ).encode()
        await self.send_down(head + extra + b"\r\n" + (b"" if method == "HEAD" else body))


# --- administration ------------------------------------------------------------------------------


async def administer(rules, reader, writer):
    try:
        request = await read_message(reader)
        body = await reader.readexactly(request.length())
        method = request.first.split(" ", 1)[0]
        if method in ("POST", "PUT"):
            rules.replace(json.loads(body))
        elif method == "DELETE":
            rules.replace([])
        view = {"rules": rules.rules, "log": rules.log, "counters": rules.counters}
        data = json.dumps(view).encode()
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"
            b"Content-Length: %d\r\n\r\n" % len(data) + data
        )
        await writer.drain()
    except (ConnectionError, asyncio.IncompleteReadError):
        pass
    finally:
        writer.close()


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--listen", type=int, default=19500)
    parser.add_argument("--admin", type=int, default=19501)
    parser.add_argument("--upstream", default="127.0.0.1:19002", metavar="HOST:PORT")
    parser.add_argument("--rules", metavar="FILE", help="rules to start with")
    parser.add_argument("--seed", type=int, default=1, help="of prob, so that a run repeats")
    return parser.parse_args()


async def run(arguments):
    first = []
    if arguments.rules:
        with open(arguments.rules, encoding="utf-8") as file:
            first = json.load(file)
    rules = Rules(first, arguments.seed)
    host, port = arguments.upstream.rsplit(":", 1)

    async def client(reader, writer):
        await Connection(rules, (host, int(port)), reader, writer).serve()

    async def admin(reader, writer):
        await administer(rules, reader, writer)

    proxy = await asyncio.start_server(client, "127.0.0.1", arguments.listen, limit=1 << 20)
    control = await asyncio.start_server(admin, "127.0.0.1", arguments.admin)
    async with proxy, control:
        await asyncio.gather(proxy.serve_forever(), control.serve_forever())


if __name__ == "__main__":
    asyncio.run(run(parse_arguments()))
