"""Release Warden: watches, decides, ships, and tells the truth about it.

The flow, each arrow a typed document of :mod:`release.model`::

    project -> scan -> record -> decide -> build -> verify -> seal
            -> upload -> confirm -> prove -> tag -> status

``scan``    resolves what users get and asks the advisory database      -> Snapshot
``record``  carries the truth forward; what was not seen stays unknown   -> Record, Changes
``decide``  applies the policy and names the rule, evidence and verdict  -> Decision
``ship``    plans, builds once, seals, uploads, confirms, proves, tags   -> Plan, Manifest, Receipt
the site    (its own package, ``status_site``) reads those documents and nothing else

The floors, imports going downward only::

    __main__, pipelines   the Invoke tasks and the console script over them
    flows                 one file a pipeline: gather, plan, execute
    adapters              the only doors out: process, git, ledger, uv, osv, index, clock
    scan record decide ship watch   pure rooms: documents in, documents out
    config, model, errors

:mod:`release.gates` stands apart: plain functions that a noxfile calls.
"""
