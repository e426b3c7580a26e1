"""A CloudFormation template with its parameters filled in: the documents that AWS would get.

Only the functions that our own template uses are known ("Intrinsic function reference"); another
one is an error. What exists only once it is deployed, such as a role's ARN, is given by the caller.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from ruamel.yaml import YAML
from ruamel.yaml.constructor import SafeConstructor
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import ScalarNode

from release.errors import DocumentError

VARIABLE = re.compile(r"\$\{([^!}][^}]*)\}")
ABSENT = object()
"""What ``AWS::NoValue`` leaves: nothing."""


class Template(msgspec.Struct, frozen=True, kw_only=True):
    """A template as it was written, short forms such as ``!Sub`` in their long form."""

    parameters: dict[str, Any]
    conditions: dict[str, Any]
    resources: dict[str, Any]

    def defaults(self) -> dict[str, str]:
        """The parameters that need not be given, and their values."""
        given = self.parameters.items()
        return {name: str(one["Default"]) for name, one in given if "Default" in one}

    def lists(self) -> frozenset[str]:
        """The parameters whose value is a list with commas."""
        given = self.parameters.items()
        return frozenset(name for name, one in given if one["Type"] == "CommaDelimitedList")


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """Where a template is filled in.

    ``parameters`` are those given; ``pseudo`` such as ``AWS::Region``; ``names`` what a ``Ref`` to
    a resource stands for, ``attributes`` what ``!GetAtt Resource.Attribute`` does.
    """

    parameters: Mapping[str, str]
    pseudo: Mapping[str, str]
    names: Mapping[str, str]
    attributes: Mapping[str, str]


def read_template(text: str) -> Template:
    """Read a template.

    :raises DocumentError: it is no YAML, or no template.
    """
    yaml = YAML(typ="safe", pure=True)
    yaml.Constructor = _Constructor
    try:
        found = yaml.load(text)
        return Template(
            parameters=found.get("Parameters", {}),
            conditions=found.get("Conditions", {}),
            resources=found["Resources"],
        )
    except (YAMLError, KeyError, AttributeError, TypeError) as error:
        raise DocumentError(
            "the template cannot be read", why=str(error), remedy="install release-warden again"
        ) from error


def fill_in(template: Template, setting: Setting) -> dict[str, Any]:
    """The properties of the resources that are made, by their names in the template.

    :raises DocumentError: the template uses what is not known here, or what nobody gave.
    """
    filling = _Filling(template, setting)
    made = {
        name: filling.value(resource.get("Properties", {}))
        for name, resource in template.resources.items()
        if "Condition" not in resource or filling.holds(resource["Condition"])
    }
    return {name: properties for name, properties in made.items() if properties is not ABSENT}


class _Filling:
    """One template being filled in."""

    def __init__(self, template: Template, setting: Setting) -> None:
        self._conditions = template.conditions
        given = template.defaults() | dict(setting.parameters)
        lists = template.lists()
        self._known: dict[str, Any] = {
            **setting.pseudo,
            **setting.names,
            **{name: one.split(",") if name in lists else one for name, one in given.items()},
            "AWS::NoValue": ABSENT,
        }
        self._attributes = setting.attributes

    def holds(self, name: str) -> bool:
        return bool(self.value(self._conditions[name]))

    def value(self, found: Any) -> Any:
        """A part of the template with every function in it carried out."""
        if isinstance(found, dict) and len(found) == 1:
            ((name, argument),) = found.items()
            if name == "Ref" or name.startswith("Fn::"):
                return self._call(name, argument)
        if isinstance(found, dict):
            pairs = ((key, self.value(one)) for key, one in found.items())
            return {key: one for key, one in pairs if one is not ABSENT}
        if isinstance(found, list):
            return [one for one in map(self.value, found) if one is not ABSENT]
        return found

    def _call(self, name: str, argument: Any) -> Any:
        functions: dict[str, Callable[[], Any]] = {
            "Ref": lambda: self._look_up(argument, self._known),
            "Fn::GetAtt": lambda: self._look_up(argument, self._attributes),
            "Fn::Sub": lambda: self._substitute(argument),
            "Fn::If": lambda: self.value(argument[1 if self.holds(argument[0]) else 2]),
            "Fn::Equals": lambda: self.value(argument[0]) == self.value(argument[1]),
            "Fn::Not": lambda: not self.value(argument[0]),
            "Fn::Split": lambda: self.value(argument[1]).split(argument[0]),
            "Fn::Select": lambda: self.value(argument[1])[int(argument[0])],
        }
        if name not in functions:
            raise DocumentError(
                f"the template calls {name}, which is not known here",
                remedy="write it without that function",
            )
        return functions[name]()

    def _substitute(self, argument: Any) -> str:
        text, given = argument if isinstance(argument, list) else (argument, {})
        known = self._known | {name: self.value(one) for name, one in given.items()}
        return VARIABLE.sub(lambda found: str(self._look_up(found[1], known)), text)

    def _look_up(self, name: str, known: Mapping[str, Any]) -> Any:
        if name not in known:
            raise DocumentError(
                f"the template needs {name}, which nobody gave",
                remedy="deploy the stack with this version's template: aws.deploy",
            )
        return known[name]


class _Constructor(SafeConstructor):
    """Reads ``!Name x`` as ``{"Fn::Name": x}``, and dates and the like as they are written."""


def _function(constructor: Any, suffix: str, node: Any) -> dict[str, Any]:
    if isinstance(node, ScalarNode):
        value = constructor.construct_scalar(node)
    else:
        value = constructor.construct_sequence(node, deep=True)
    return {suffix if suffix in {"Ref", "Condition"} else f"Fn::{suffix}": value}


_Constructor.add_multi_constructor("!", _function)
