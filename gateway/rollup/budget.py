"""How much work is done before polling goes on."""


class Budget:
    """How much may be done before polling goes on.

    Attributes:
        left: units; the last part may take more than there are.
    """

    def __init__(self, units: int) -> None:
        self.left = units
