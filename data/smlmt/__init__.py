"""SMLMT tasks from raw text (Bansal et al. 2020, section 3)."""
