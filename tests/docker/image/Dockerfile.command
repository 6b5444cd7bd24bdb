# The same for images with a CMD: after "--" nothing is a subcommand of cinit.
FROM cinit-test
ENTRYPOINT ["/sbin/cinit", "--"]
