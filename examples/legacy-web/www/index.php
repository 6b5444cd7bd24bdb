<?php
error_log('index.php was asked for');
echo 'Hello from PHP ', PHP_VERSION, ', user ', trim(shell_exec('id -un')), "\n";
