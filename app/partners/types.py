"""Partner types and tags (domain.md 2.2). A code is only ever added."""

from __future__ import annotations

from enum import StrEnum


class PartnerType(StrEnum):
    """What kind of legal person a partner is."""

    GOV_NATIONAL = "GOV_NATIONAL"
    GOV_LOCAL = "GOV_LOCAL"
    GOV_OTHER_PUBLIC = "GOV_OTHER_PUBLIC"
    NGO_INTL = "NGO_INTL"
    NGO_NATIONAL = "NGO_NATIONAL"
    NGO_LOCAL = "NGO_LOCAL"
    NGO_REGIONAL = "NGO_REGIONAL"
    CBO = "CBO"
    ACADEMIC = "ACADEMIC"
    RCRC_NATIONAL = "RCRC_NATIONAL"
    RCRC_INTL = "RCRC_INTL"
    IGO = "IGO"
    UN_ENTITY = "UN_ENTITY"
    FOUNDATION = "FOUNDATION"
    PRIVATE_NFP = "PRIVATE_NFP"
    PRIVATE_FP = "PRIVATE_FP"
    PPP_NETWORK = "PPP_NETWORK"


class PartnerTag(StrEnum):
    """Marks beside the type."""

    FAITH_BASED = "FAITH_BASED"
    WOMEN_LED = "WOMEN_LED"
    REFUGEE_LED = "REFUGEE_LED"
    PERSONS_WITH_DISABILITIES = "PERSONS_WITH_DISABILITIES"
    YOUTH_LED = "YOUTH_LED"


class PartnerStatus(StrEnum):
    """Where a profile stands. Computed by the registry, never set by hand."""

    DRAFT = "draft"
    PENDING_VERIFICATION = "pending_verification"
    VERIFIED = "verified"
    UNVERIFIED = "unverified"
    DEACTIVATED = "deactivated"
    MERGED = "merged"
