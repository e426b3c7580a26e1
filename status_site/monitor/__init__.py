"""Looks at the published site, as its visitors and their machines do.

``endpoints``  what there is to be asked for, and where
``judge``      what is wrong with what was answered; pure
``badge``      whether a badge is one that shields.io takes, and an honest one; pure
``check``      asks, several times before it believes a failure, and keeps what it saw
"""
