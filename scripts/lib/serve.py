"""HTTP and UDP echo for the network built by hand; each says whom it saw.

usage: serve.py READY_FILE http PORT BODY [udp PORT]
"""

import http.server
import pathlib
import socketserver
import sys
import threading


def http_server(port, body):
    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Seen-From", self.client_address[0])
            self.end_headers()
            self.wfile.write(body)

        def address_string(self):
            return self.client_address[0]

        def log_message(self, *_):
            pass

    # Unlike HTTPServer, this one looks no name up.
    return socketserver.ThreadingTCPServer(("", port), Page, bind_and_activate=True)


def udp_server(port):
    class Echo(socketserver.BaseRequestHandler):
        def handle(self):
            self.request[1].sendto(f"seen from {self.client_address[0]}\n".encode(), self.client_address)

    return socketserver.UDPServer(("", port), Echo)


socketserver.TCPServer.allow_reuse_address = True
ready, *words = sys.argv[1:]
servers = []
while words:
    if words[0] == "http":
        servers.append(http_server(int(words[1]), words[2].encode()))
        words = words[3:]
    else:
        servers.append(udp_server(int(words[1])))
        words = words[2:]
for server in servers:
    threading.Thread(target=server.serve_forever).start()
pathlib.Path(ready).touch()
