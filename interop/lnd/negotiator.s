// Empty: negotiator.go has functions without a body.
