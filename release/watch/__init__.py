"""Watch: what checks of the published site amount to. Pure: documents in, documents out."""
