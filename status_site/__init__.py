"""The status site: it reads documents, and shows what they say until they are too old.

``documents``  the folder of documents that a run leaves behind, read whole
``findings``   what of a finding is public, and what to do about it
``unseen``     what is not known, by name; it withholds the grade
``status``     the document ``index.json``
``words``      the same in plain words
``page``       the document as one self-contained ``index.html``
``build``      writes both, each whole or not at all
``site``       builds and serves them for a project at hand

The grade itself is pure and is made in :mod:`release.decide.grade`, as the policy may rest on it.
"""
