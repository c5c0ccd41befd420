"""Reads YAML, and refuses a key that stands twice in a mapping: others take the last one without a word."""

import yaml


class Strict(yaml.SafeLoader):
    def construct_mapping(self, node, deep=False):
        seen = set()
        for key, _ in node.value:
            name = self.construct_object(key, deep=True)
            if name in seen:
                raise yaml.constructor.ConstructorError(None, None, f"{name} stands twice", key.start_mark)
            seen.add(name)
        return super().construct_mapping(node, deep)


def load(text):
    return yaml.load(text, Strict)


def load_all(text):
    return [document for document in yaml.load_all(text, Strict) if document]
