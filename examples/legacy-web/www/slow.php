<?php
// Takes until there is a file /tmp/go-on, for at most 10 s.
touch('/tmp/begun');
for ($tries = 0; $tries < 1000 && !file_exists('/tmp/go-on'); $tries++) {
    usleep(10000);
    clearstatcache();
}
echo "a long page, to its end\n";
