"""The cost of the two protocols in Python without a model: `python -m benchmarks.serving_floor`.

A server of each that echoes its request, built like the frontends (uvicorn; grpc.aio on uvloop),
under load from the same kind of client: threads with one connection each. Prints answers per second
and the processor time of an answer, in microseconds, on either side.
"""

import http.client
import os
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

import grpc

CONNECTIONS, SECONDS, ROUNDS, BODY = 16, 2.0, 5, b"x" * 200
METHOD, PORTS = "/echo.Echo/Echo", {"REST": 8711, "gRPC": 8710}
TICKS = os.sysconf("SC_CLK_TCK")


async def application(scope, receive, send) -> None:
    body = (await receive())["body"]
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def serve_rest() -> None:
    import uvicorn

    quiet = {"access_log": False, "log_config": None, "lifespan": "off", "ws": "none"}
    uvicorn.run(application, port=PORTS["REST"], http="httptools", **quiet)


def serve_grpc() -> None:
    import uvloop

    async def echo(request, context):
        return request

    async def main():
        handler = grpc.unary_unary_rpc_method_handler(echo)
        server = grpc.aio.server()
        server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler("echo.Echo", {"Echo": handler}),)
        )
        server.add_insecure_port(f"127.0.0.1:{PORTS['gRPC']}")
        await server.start()
        await server.wait_for_termination()

    uvloop.run(main())


def rest_sender():
    connection = http.client.HTTPConnection("127.0.0.1", PORTS["REST"])

    def send() -> bytes:
        connection.request("POST", "/", BODY)
        return connection.getresponse().read()

    return send


def grpc_sender():
    options = [("grpc.use_local_subchannel_pool", 1)]
    channel = grpc.insecure_channel(f"127.0.0.1:{PORTS['gRPC']}", options)
    call = channel.unary_unary(METHOD)
    return lambda: call(BODY, wait_for_ready=True)


def load(make) -> int:
    """The number of answers within SECONDS."""
    senders, counts = [make() for _ in range(CONNECTIONS)], [0] * CONNECTIONS
    end = time.monotonic() + SECONDS

    def send_requests(index: int) -> None:
        while time.monotonic() < end:
            assert senders[index]() == BODY
            counts[index] += 1

    threads = [
        threading.Thread(target=send_requests, args=(index,)) for index in range(CONNECTIONS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts)


def processor_s(pid: int) -> float:
    values = Path(f"/proc/{pid}/stat").read_text("utf-8").rsplit(")", 1)[1].split()
    return (int(values[11]) + int(values[12])) / TICKS


def main() -> None:
    frontends = {"REST": rest_sender, "gRPC": grpc_sender}
    command = [sys.executable, "-m", "benchmarks.serving_floor"]
    servers = {frontend: subprocess.Popen([*command, frontend]) for frontend in frontends}
    results = {frontend: [] for frontend in frontends}
    try:
        time.sleep(5)
        for _ in range(ROUNDS):
            for frontend, make in frontends.items():
                server, client = processor_s(servers[frontend].pid), time.process_time()
                answers = load(make)
                server = processor_s(servers[frontend].pid) - server
                client = time.process_time() - client
                results[frontend].append(
                    (answers / SECONDS, 1e6 * server / answers, 1e6 * client / answers)
                )
    finally:
        for process in servers.values():
            process.terminate()
            process.wait()
    for frontend, measured in results.items():
        rate, server, client = map(statistics.median, zip(*measured, strict=True))
        print(
            f"{frontend}: {rate:.0f} answers/s; server {server:.0f} us, client {client:.0f} us each"
        )


if __name__ == "__main__":
    {"REST": serve_rest, "gRPC": serve_grpc}.get(sys.argv[1] if sys.argv[1:] else "", main)()
