"""Listening: which part plays what, and where the beat is."""

from stats_composer.listening.roles import ROLES, RoleModel, RoleOf

__all__ = ["ROLES", "RoleModel", "RoleOf"]
