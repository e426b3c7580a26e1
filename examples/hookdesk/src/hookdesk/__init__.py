"""hookdesk: a small WSGI application that receives signed webhooks."""

from hookdesk.desk import Delivery, Desk
from hookdesk.signature import genuine, sign

__all__ = ["Delivery", "Desk", "genuine", "sign"]
