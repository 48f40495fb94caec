"""Everything that is known of an experiment before anything is spent; `report.check` is the entry."""
