# SPDX-License-Identifier: Apache-2.0
"""The site as a Flask application; run as a program, Flask's own server."""
import os
import sys

from flask import Flask, send_from_directory

root = os.environ["DOCUMENT_ROOT"]
app = Flask(__name__, static_folder=None)


@app.get("/")
@app.get("/<path:name>")
def file(name=""):
    if name == "" or name.endswith("/"):
        name += "index.html"
    # Flask refuses ".."; a symbolic link it would follow.
    if not os.path.realpath(os.path.join(root, name)).startswith(root + os.sep):
        return "not found\n", 404
    return send_from_directory(root, name, mimetype="application/octet-stream")


if __name__ == "__main__":
    app.run(host=sys.argv[1], port=int(sys.argv[2]))
