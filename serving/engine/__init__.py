"""What the system can do with images, whatever the protocol and wherever services run. It knows no Ray and no HTTP."""
