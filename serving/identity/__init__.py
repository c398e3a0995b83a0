"""Who people are: enrolment, search, quality gates, stored images, and the API keys of those who ask."""
