"""Sections of config.yaml as models, with values changed: tests have no defaults of their own."""

from small_workflow import REPOSITORY
from ssn3d.config.experiment import load_config

PAPER = load_config(REPOSITORY / "config.yaml")


def changed(model, **values):
    """Copy a model with other values, those in a section of it laid over the section's."""
    content = model.model_dump()
    for key, value in values.items():
        content[key] = {**(content[key] or {}), **value} if isinstance(value, dict) else value
    return type(model).model_validate(content)


def section(name, **values):
    """Return a section of config.yaml, with some values changed."""
    return changed(getattr(PAPER, name), **values)


def preset(name):
    """Return config.yaml with a file of config/ laid over it."""
    return load_config(REPOSITORY / "config.yaml", REPOSITORY / "config" / f"{name}.yaml")
