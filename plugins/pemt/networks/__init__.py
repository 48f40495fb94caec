"""Residual networks over short pieces of video and sound."""
