<?php
// A registry that takes the message from a form field, and answers nothing if there is none.
$message = $_POST['MESSAGEDATA'] ?? '';
if ($message === '') exit;
header('Content-Type: text/plain');
$id = explode('|', $message)[9];
echo "MSH|^~\\&|IIS|STATE|||20260102||ACK|R1|P|2.5.1\rMSA|AA|$id\r";
