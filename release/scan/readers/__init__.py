"""Pure: the bytes of another tool's report in, one :class:`~.reading.Reading` of it out.

One file a format. A reader never raises for what a report holds: what is no report of its kind is
``failed`` with the reason, an entry that cannot be read is set aside by name (``partial``), and
what a report does not list it does not settle.
"""
