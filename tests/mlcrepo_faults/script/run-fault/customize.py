"""The words of the official script around a run; one fault happens in here: the question."""


def preprocess(i):
    i["automation"].logger.info("Running loadgen scenario: Offline and mode: performance")
    if i["env"]["FAULT"] == "ask":
        input("Make your selection or press Enter for 0: ")
    return {"return": 0}
