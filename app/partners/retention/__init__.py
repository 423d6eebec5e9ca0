"""Retention: how long what is kept, and the job that erases what is due."""
