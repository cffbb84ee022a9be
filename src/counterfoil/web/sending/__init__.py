"""Strangers send: find the station, send photos, look after them with a receipt."""
