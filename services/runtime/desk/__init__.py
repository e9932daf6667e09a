"""The desk: what people and systems of an institution may do over HTTP. `app.py` puts it together."""
